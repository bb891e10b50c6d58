package telemetry

// Explanation is what an evaluation saw of an alert's group: the values behind its verdict, and who was in the window.
type Explanation struct {
	// Parts are those of the rule's condition, each before the parts that it is made of. Where the rule tells severities apart, the
	// condition of the alert's severity stands first, then that of the other, and last what both need.
	Parts []ExplainedPart `json:"parts"`
	// More counts the parts that are not listed.
	More int `json:"more,omitempty"`
	// Clients and Versions are of the window, the versions by their messages, the most first. Both are empty where the rule
	// does not look at clients, as its groups carry none then.
	Clients  uint64             `json:"clients,omitempty"`
	Versions []ExplainedVersion `json:"versions,omitempty"`
}

// ExplainedPart is a part of an expression with the value that it had.
type ExplainedPart struct {
	Condition string `json:"condition,omitempty"` // expr, warn or crit: of a whole one, where the rule tells severities apart
	Text      string `json:"text"`                // as the rule has it
	Offset    int    `json:"offset"`              // characters of the expression before it, or of the let that it is part of
	Depth     int    `json:"depth,omitempty"`     // 0 is the whole expression
	Op        string `json:"op,omitempty"`        // of a part that is made of others by an operator
	// Value is true, false, a number or a text; null where it is unknown. A number that is infinite is the text +Inf or -Inf.
	Value any `json:"value"`
	// Unit of a number: s, B, B/s, /s or, of others that are not plain, the unit in words.
	Unit string `json:"unit,omitempty"`
}

// ExplainedVersion is a client library of a version, and the messages that it measured.
type ExplainedVersion struct {
	SDKLang    string `json:"sdk_lang,omitempty"`
	SDKVersion string `json:"sdk_version,omitempty"`
	Messages   uint64 `json:"messages"`
}
