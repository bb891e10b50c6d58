package lag

// Reason says why a value is not known.
type Reason uint8

// Why a value is not known. The zero value is the first, so that what nobody set is never taken for a 0 that was read.
const (
	NotPolled        Reason = iota // no poll has read it yet
	NeverCommitted                 // the group has no commit there: it made none, or its commit has expired
	NoPermission                   // the broker refuses to say
	Unreachable                    // the broker did not answer
	NotFound                       // there is no such topic, partition or group any more
	Stale                          // the newest poll is older than StaleAfter
	LogStartPassed                 // the commit is below the log's start: nobody saw when what is there now was written
	BeforeFirstPoll                // what is asked was written before the first poll
	PollsTooFarApart               // the polls around it are too far apart to say more than bounds
	CommitPastEnd                  // the group committed past the end: it has read another log than this one
	TooFewCommits                  // fewer commits were seen than a judgement takes
	Paused                         // the group has paused consumption
	KeptForever                    // no message expires
	RetentionNotRead               // nobody read how long the topic keeps messages
	NoPartitions                   // there is nothing to sum up
	known
)

var reasons = [...]string{
	NotPolled: "not polled yet", NeverCommitted: "never committed", NoPermission: "no permission", Unreachable: "unreachable",
	NotFound: "not found", Stale: "last poll too old", LogStartPassed: "log start passed", BeforeFirstPoll: "before the first poll",
	PollsTooFarApart: "polls too far apart", CommitPastEnd: "commit past the end", TooFewCommits: "too few commits",
	Paused: "paused", KeptForever: "kept forever", RetentionNotRead: "retention not read", NoPartitions: "no partitions",
	known: "known",
}

// String is the reason in words.
func (r Reason) String() string { return reasons[r] }

// Value is a number that is known, or unknown for a reason. The zero Value is unknown: nobody polled.
type Value[T int64 | float64] struct {
	number T
	reason Reason
}

// Known is a value that was found out.
func Known[T int64 | float64](number T) Value[T] { return Value[T]{number, known} }

// Unknown is a value that could not be found out.
func Unknown[T int64 | float64](why Reason) Value[T] { return Value[T]{reason: why} }

// Get is the number; ok is false where it is not known.
func (v Value[T]) Get() (number T, ok bool) { return v.number, v.reason == known }

// Why says why the value is not known; ok is false where it is.
func (v Value[T]) Why() (why Reason, ok bool) { return v.reason, v.reason != known }
