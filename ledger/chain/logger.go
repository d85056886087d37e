package chain

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cometbft/cometbft/libs/log"
)

// symptoms are what CometBFT tells of its troubles only in its log.
type symptoms struct {
	failure atomic.Pointer[string] // consensus stopped after a panic
	signing atomic.Pointer[string] // last refusal to sign
}

// cometLog passes CometBFT's log on: its information as debug, for it has six lines to say of each block.
type cometLog struct {
	to   *slog.Logger
	with []any // before the pairs of each line; most lines are never written
	seen *symptoms
	full *shortage // told of what is said of a full disk
}

var _ log.Logger = (*cometLog)(nil)

func (l *cometLog) log(level slog.Level, msg string, keyvals []any) {
	if ctx := context.Background(); l.to.Enabled(ctx, level) {
		l.to.Log(ctx, level, msg, append(slices.Clip(l.with), keyvals...)...)
	}
}

func (l *cometLog) Debug(msg string, keyvals ...any) { l.log(slog.LevelDebug-4, msg, keyvals) }
func (l *cometLog) Info(msg string, keyvals ...any)  { l.log(slog.LevelDebug, msg, keyvals) }
func (l *cometLog) Warn(msg string, keyvals ...any) {
	l.look(keyvals)
	l.log(slog.LevelWarn, msg, keyvals)
}

// look finds out whether a remark tells of a full disk: nothing but the log tells that CometBFT cannot write.
func (l *cometLog) look(keyvals []any) {
	for _, v := range keyvals {
		if text, ok := v.(string); ok {
			l.full.met(text)
		} else if err, ok := v.(error); ok {
			l.full.met(err.Error())
		}
	}
}

// Error also notes the two troubles that nothing but the log tells of (consensus/state.go, receiveRoutine and
// signAddVote). Peers that come and go are no errors of this node.
func (l *cometLog) Error(msg string, keyvals ...any) {
	level := slog.LevelWarn
	l.look(keyvals)
	switch {
	case strings.HasPrefix(msg, "CONSENSUS FAILURE"):
		l.seen.failure.Store(valueOf(keyvals, "err"))
		level = slog.LevelError
	case strings.HasPrefix(msg, "Stopped accept routine"): // part of every clean stop
		level = slog.LevelDebug
	case strings.HasPrefix(msg, "failed signing vote"), strings.HasPrefix(msg, "propose step; failed signing proposal"):
		l.seen.signing.Store(valueOf(keyvals, "err"))
		level = slog.LevelError
	}
	l.log(level, msg, keyvals)
}

func (l *cometLog) With(keyvals ...any) log.Logger {
	return &cometLog{to: l.to, with: append(slices.Clip(l.with), keyvals...), seen: l.seen, full: l.full}
}

func valueOf(keyvals []any, name string) *string {
	text := "unknown"
	for i := 0; i+1 < len(keyvals); i += 2 {
		if keyvals[i] == name {
			text = fmt.Sprint(keyvals[i+1])
		}
	}
	return &text
}

// pebbleLog passes on what Pebble says. It never ends the process: a fatal error is a panic of this engine, which a
// supervisor survives. A full disk is not even that.
type pebbleLog struct {
	to   *slog.Logger
	full *shortage
}

var _ pebble.Logger = pebbleLog{}

func (l pebbleLog) Infof(format string, args ...any) {
	if l.to.Enabled(context.Background(), slog.LevelDebug-4) {
		l.to.Log(context.Background(), slog.LevelDebug-4, fmt.Sprintf(format, args...))
	}
}

func (l pebbleLog) Errorf(format string, args ...any) { l.to.Error(fmt.Sprintf(format, args...)) }

// Fatalf implements pebble.Logger. After a failed write to the list of its files Pebble takes no more changes to it, and loses nothing: the
// next start reads its log again and begins another list.
func (l pebbleLog) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if l.full.met(text) && strings.HasPrefix(text, "MANIFEST") {
		l.to.Error("chain: the state cannot be written: " + text)
		return
	}
	panic(text)
}
