package demo

import "testing"

// heldOutcome is of a story of which all is in the store, and all was told.
func heldOutcome() *Outcome {
	there := Resources{Topics: 3, Groups: 3, Brokers: 1, Clients: 7}
	o := &Outcome{Sent: 9, StoredSent: 9, SentBytes: 90, StoredSentBytes: 90, Consumed: 8, StoredConsumed: 8, ConsumedBytes: 80, StoredConsumedBytes: 80,
		StoredHeartbeats: 1, StoredLags: 1, Resources: there, StoredResources: there, Alerts: map[string]*AlertOutcome{}}
	for _, name := range expectedAlerts {
		o.Alerts[name] = &AlertOutcome{Fired: true, Resolved: true}
	}
	return o
}

// TestAnOutcomeHoldsWhereNothingIsMissing, and not where any one thing is.
func TestAnOutcomeHoldsWhereNothingIsMissing(t *testing.T) {
	t.Parallel()
	if o := heldOutcome(); !o.holds() {
		t.Errorf("nothing is missing, and it does not hold: %+v", o)
	}
	for missing, spoil := range map[string]func(*Outcome){
		"all that is sent":        func(o *Outcome) { o.Sent, o.StoredSent = 0, 0 },
		"a sent message":          func(o *Outcome) { o.StoredSent-- },
		"a byte that was sent":    func(o *Outcome) { o.StoredSentBytes-- },
		"all that is consumed":    func(o *Outcome) { o.Consumed, o.StoredConsumed = 0, 0 },
		"a consumed message":      func(o *Outcome) { o.StoredConsumed-- },
		"a byte that is consumed": func(o *Outcome) { o.StoredConsumedBytes-- },
		"the heartbeats":          func(o *Outcome) { o.StoredHeartbeats = 0 },
		"the lags":                func(o *Outcome) { o.StoredLags = 0 },
		"a topic":                 func(o *Outcome) { o.StoredResources.Topics-- },
		"a group":                 func(o *Outcome) { o.StoredResources.Groups-- },
		"the broker":              func(o *Outcome) { o.StoredResources.Brokers-- },
		"a client":                func(o *Outcome) { o.StoredResources.Clients-- },
		"an alert":                func(o *Outcome) { o.Alerts[expectedAlerts[1]].Fired = false },
		"the end of an alert":     func(o *Outcome) { o.Alerts[expectedAlerts[2]].Resolved = false },
	} {
		o := heldOutcome()
		if spoil(o); o.holds() {
			t.Errorf("%s is missing, and it holds: %+v", missing, o)
		}
	}
}

// TestAnOutcomeAddsUpWhereLongerStepsHaveAll that panes have, those of earlier stories among them.
func TestAnOutcomeAddsUpWhereLongerStepsHaveAll(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		byMinute uint64
		byTopic  AddedUp
		want     bool
	}{
		{9, AddedUp{9, 9}, true}, {9, AddedUp{12, 12}, true}, {8, AddedUp{9, 9}, false}, {10, AddedUp{9, 9}, false},
		{9, AddedUp{8, 9}, false}, {9, AddedUp{10, 9}, false}, {9, AddedUp{8, 8}, false}, {9, AddedUp{}, false},
	} {
		o := heldOutcome()
		if o.SentByMinute, o.SentByTopic = c.byMinute, c.byTopic; o.addsUp() != c.want {
			t.Errorf("of 9 messages there are %d by minute and %+v by topic: it adds up is %t", c.byMinute, c.byTopic, !c.want)
		}
	}
}
