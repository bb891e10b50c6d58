package meter

// ErrorClass is what kind of failure a message met: a fixed list, so that it bounds
// the error counts of a report. Which error of a system is of which class is for those
// to say who measure it.
type ErrorClass uint8

// The classes of failures.
const (
	ClassTimeout ErrorClass = iota
	ClassCancelled
	ClassClosed
	ClassBufferFull
	ClassTooLarge
	ClassAuth
	ClassUnknownTopic
	ClassNetwork
	ClassBroker
	ClassHandler
	ClassOther
	errorClasses
)

// errorClassNames are the values of ErrorCount.class in reports.
var errorClassNames = [errorClasses]string{"timeout", "cancelled", "closed", "buffer_full", "too_large", "auth",
	"unknown_topic", "network", "broker", "handler", "other"}

// String is the class as reports have it.
func (c ErrorClass) String() string { return errorClassNames[c] }
