package custody

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"syscall"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// problem maps an error to the refusal that the caller sees. What went wrong inside stays in the log.
func (k *Keeper) problem(caller verify.OrgID, err error) *peer.Problem {
	p := new(peer.Problem)
	tooLarge, damage := new(http.MaxBytesError), new(journal.DamageError)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &tooLarge):
		return refuse(http.StatusRequestEntityTooLarge, codeTooLarge, fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit), 0)
	case errors.Is(err, journal.ErrFrames):
		return malformed(err.Error())
	case errors.As(err, &damage):
		return refuse(http.StatusUnprocessableEntity, codeDamaged, "there is no record at that place, or the copy held here is damaged", 0)
	case errors.Is(err, journal.ErrNotHeld), errors.Is(err, journal.ErrCursor), errors.Is(err, os.ErrNotExist):
		return refuse(http.StatusNotFound, codeUnknown, "this custodian does not hold that", 0)
	case errors.Is(err, journal.ErrScattered):
		return refuse(http.StatusConflict, codeScattered, "the segment is held in too many pieces; send what lies between them first", 0)
	case errors.Is(err, journal.ErrClosed):
		return refuse(http.StatusServiceUnavailable, codeFault, "the custodian is stopping or reopening its files; ask again", 0)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return full()
	}
	k.opt.Log.Error("custody: a request failed", "owner", caller, "err", err)
	return refuse(http.StatusInternalServerError, codeFault, "the custodian's disk or software failed; its log says more", 0)
}

func full() *peer.Problem {
	return refuse(http.StatusInsufficientStorage, codeFull, "the custodian's disk is full; nothing of this request was kept", 0)
}
