package remoting

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Why a broker or name server refused, or has no answer; an *Error wraps one of them. They tell "there is none", which is a value,
// from "it is not known", which is not.
var (
	// ErrNoTopic says that the topic is not there: it has no route, or is not on this broker.
	ErrNoTopic = errors.New("there is no such topic here")
	// ErrNeverCommitted says that the group never committed an offset of this queue, or that there is no such group.
	ErrNeverCommitted = errors.New("the group never committed an offset of this queue")
	// ErrOffline says that no client of the group, or not this one, is connected to the broker.
	ErrOffline = errors.New("no such client is connected")
	// ErrSilent says that the client which the broker asked did not answer it within 10 s: it hangs.
	ErrSilent = errors.New("the client did not answer the broker")
	// ErrEmpty says that the answer lacks what was asked for. Consumers of the Go client answer so for their first 20 s.
	ErrEmpty = errors.New("the answer is empty")
	// ErrNoPermission says that the access key is not known, or may not ask this.
	ErrNoPermission = errors.New("not permitted; check the access key, the secret key and what they may do")
	// ErrUnsupported says that the peer does not know the question: a broker was asked for what a name server knows, or it is too old.
	ErrUnsupported = errors.New("the question is not known there")
	// ErrRefused is any other reason.
	ErrRefused = errors.New("it was refused")
)

// The codes of refusals.
const (
	codeOK              = 0
	codeSystemError     = 1 // also: offline, a field is missing
	codeUnsupported     = 3
	codeNoPermission    = 16
	codeNoTopic         = 17
	codeNotFound        = 22
	codeConsumerOffline = 206
	codeClientTimeout   = 207
)

// maxRemark is how many bytes of a remark an error repeats. Not smaller: names of topics and groups have up to 255; not larger: a
// Java exception with its stack would fill logs and pages.
const maxRemark = 512

// Error is a refusal, or an answer without what was asked for.
type Error struct {
	Addr   string // who refused, host:port
	What   string // what it was asked for
	Code   int32  // as the protocol has it; 0 for an answer without what was asked for
	Remark string // its own words, may be empty
	Reason error  // one of this package's
	fields map[string]string
}

// Error says who refused what, and why.
func (e *Error) Error() string {
	text := fmt.Sprintf("ask %s for %s: %s (code %d", e.Addr, e.What, e.Reason, e.Code)
	if remark, _, _ := strings.Cut(e.Remark, "\n"); remark != "" {
		text += ": " + strings.Map(printable, strings.ToValidUTF8(remark[:min(len(remark), maxRemark)], ""))
	}
	return text + ")"
}

// printable has blanks for what could move a terminal's cursor.
func printable(c rune) rune {
	if unicode.IsControl(c) {
		return ' '
	}
	return c
}

// Unwrap is the reason.
func (e *Error) Unwrap() error { return e.Reason }

// reason is why a request was refused. Code 1 has several meanings, which only the remark tells apart.
func reason(request, code int32, remark string) error {
	switch {
	case code == codeNoTopic:
		return ErrNoTopic
	case code == codeNotFound && request == codeQueryOffset:
		return ErrNeverCommitted
	case code == codeConsumerOffline, code == codeSystemError && strings.HasSuffix(remark, "not online"):
		return ErrOffline
	case code == codeClientTimeout:
		return ErrSilent
	case code == codeNoPermission:
		return ErrNoPermission
	case code == codeUnsupported:
		return ErrUnsupported
	}
	return ErrRefused
}
