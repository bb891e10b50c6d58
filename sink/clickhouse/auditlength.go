package clickhouse

import "time"

// auditLengths are how much is held in one statement, the longest first, each a whole number of the next. Not less at first: each reads the
// granules at its borders again; not more: an hour of 10,000 series are 3.6 million rows, and a statement must answer within attemptTimeout.
// Where one does not, less is held in each.
var auditLengths = [...]time.Duration{time.Hour, 10 * time.Minute, time.Minute}

// auditLength is which of them the steps of an audit have. Where one had no time the next ones are shorter, until a longer one begins: it is
// tried again, as what was slow may be over. Such a try costs up to attemptTimeout, so each time that it is in vain about twice as many of that
// length are passed over first.
type auditLength struct {
	least time.Duration // what parts must not be cut by
	at    int           // of auditLengths
	// passOver is how many of a length are yet to be passed over, and inVain how many will be once it is tried in vain again.
	passOver, inVain [len(auditLengths)]int
}

// end is where the step ends that begins at a time.
func (l *auditLength) end(from time.Time) time.Time {
	return from.Truncate(auditLengths[l.at]).Add(auditLengths[l.at])
}

// shorten has steps be shorter, and says whether they may be.
func (l *auditLength) shorten() bool {
	if l.at+1 == len(auditLengths) || auditLengths[l.at+1] < l.least {
		return false
	}
	l.passOver[l.at] = l.inVain[l.at]
	l.inVain[l.at] = 2*l.inVain[l.at] + 1
	l.at++
	return true
}

// held hears that a step had time, and that the next one begins at a time.
func (l *auditLength) held(next time.Time) {
	l.inVain[l.at] = 0
	for l.at > 0 && next.Equal(next.Truncate(auditLengths[l.at-1])) {
		if l.passOver[l.at-1] > 0 {
			l.passOver[l.at-1]--
			return
		}
		l.at--
	}
}
