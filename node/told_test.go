package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/policy"
)

// TestAFailureCrossesTheSocketAsWhatItIs: what the operator's program learns of an error is enough to say it in the operator's language.
func TestAFailureCrossesTheSocketAsWhatItIs(t *testing.T) {
	problem := lang.NewProblem("leave_unknown", "0123456789abcdef", "a (b)")
	for _, c := range []struct {
		err error
		is  error
	}{
		{fmt.Errorf("token: %w: sub", policy.ErrClaims), policy.ErrClaims},
		{fmt.Errorf("write: %w", syscall.ENOSPC), syscall.ENOSPC},
		{fmt.Errorf("members: %w", problem.Because(ErrNotSigned)), ErrNotSigned},
		{errors.New("something else"), nil},
	} {
		b, err := json.Marshal(failure(c.err))
		if err != nil {
			t.Fatal(err)
		}
		var f Failure
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatal(err)
		}
		got := f.Err()
		if got == nil || got.Error() != c.err.Error() || c.is != nil && !errors.Is(got, c.is) {
			t.Errorf("%v came as %v", c.err, got)
		}
		if p := lang.ProblemIn(got); (p != nil) != (lang.ProblemIn(c.err) != nil) || p != nil && lang.For(lang.Arabic).Problem(p) != lang.For(lang.Arabic).Problem(problem) {
			t.Errorf("%v came with the problem %v", c.err, p)
		}
	}
	// A node may be newer than the program that asks it: its text is told as it is.
	f := Failure{Error: "of tomorrow", Kind: "tomorrow", Problem: &lang.Problem{Name: "of_tomorrow"}}
	if err := f.Err(); err.Error() != "of tomorrow" || lang.ProblemIn(err) != nil {
		t.Errorf("%v, %v", err, lang.ProblemIn(err))
	}
	if failure(nil).Err() != nil {
		t.Error("an error was made of none")
	}
}
