package control

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Command asks clients to do something until it expires. Its JSON is the value of a record.
type Command struct {
	Schema     int       `json:"schema"`
	Name       string    `json:"name"`
	Revision   uint64    `json:"revision"` // rises by one with each change
	Scope      Scope     `json:"scope"`
	Everywhere bool      `json:"everywhere,omitempty"` // needed where the scope names no topic, group, resource or client
	Author     string    `json:"author"`
	Reason     string    `json:"reason"`
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Shadow     bool      `json:"shadow"`  // only count what it would do
	Percent    float64   `json:"percent"` // of the clients in its scope, by a hash; 100 where a record does not say

	// Exactly one of these.
	Pause          *Pause          `json:"pause,omitempty"`
	Resume         *Resume         `json:"resume,omitempty"`
	SendLimit      *SendLimit      `json:"send_limit,omitempty"`
	LargeMessages  *LargeMessages  `json:"large_messages,omitempty"`
	MinSDKVersion  *MinSDKVersion  `json:"min_sdk_version,omitempty"`
	Sampling       *Sampling       `json:"sampling,omitempty"`
	ReportInterval *ReportInterval `json:"report_interval,omitempty"`

	// Release says how a pause ends; only beside one.
	Release *Release `json:"release,omitempty"`

	// Ended is set where somebody ended the command before its time: it is in force nowhere then, whatever a client's clock says.
	Ended *Ended `json:"ended,omitempty"`
	// Source is who keeps the command: files, the API or a rule. The others do not change it while it is in force.
	Source Source `json:"source,omitempty"`
	// Spec is the digest of what Source had, so that what was ended by hand stays ended until the file says something else.
	Spec string `json:"spec,omitempty"`
}

// Source is where a record comes from.
type Source string

// The sources.
const (
	// SourceFile is of what lies in the folder of the role control. That takes away again what its folder has no more, and nothing else.
	SourceFile Source = "file"
	// SourceApply is of files that somebody put in force by `weir control apply`, from where they are.
	SourceApply Source = "apply"
	SourceAPI   Source = "api"
	// SourceRule is of commands that a rule asks for while its alert fires. Of two equally narrow ones that of people wins.
	SourceRule Source = "rule"
)

// sources are all of them.
var sources = []Source{SourceFile, SourceApply, SourceAPI, SourceRule}

// Scope says which clients a command is for, by labels as they stand: an empty one is not asked for, and all given ones must match.
type Scope struct {
	Env        string  `json:"env,omitempty"`
	Cluster    string  `json:"cluster,omitempty"`
	System     string  `json:"system,omitempty"`
	Topic      string  `json:"topic,omitempty"`
	Group      string  `json:"group,omitempty"`
	Partitions []int32 `json:"partitions,omitempty"`
	Resource   string  `json:"resource,omitempty"` // id of a route
	Client     string  `json:"client,omitempty"`
	Lane       string  `json:"lane,omitempty"`
	Tier       string  `json:"tier,omitempty"`
}

// Ended says who ended a command before its time, and why.
type Ended struct {
	Author string    `json:"author"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// String returns the command's name and revision, as in pause-billing@3.
func (c *Command) String() string { return fmt.Sprintf("%s@%d", c.Name, c.Revision) }

// InForce says whether the command asks anything at that time.
func (c *Command) InForce(now time.Time) bool { return c.Ended == nil && now.Before(c.ExpiresAt) }

// Digest is what Spec is of a command as a file or a caller gives it: of all but what a writer fills in.
func (c *Command) Digest() string {
	given := *c
	given.Schema, given.Revision, given.Spec, given.Source, given.Ended = Schema, 0, "", "", nil
	if c.SendLimit != nil {
		limit := *c.SendLimit
		limit.Clients = 0 // counted anew all the time
		given.SendLimit = &limit
	}
	text, err := json.Marshal(given)
	if err != nil { // a rate that is no number: Validate refuses it
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
