package control

import "slices"

// Capability is what a client can be asked to do. A program can switch each off.
type Capability string

// The capabilities. A resume is asked of the capability to pause: the two compete for one scope.
const (
	CapabilityPause          Capability = "pause"
	CapabilitySendLimit      Capability = "send_limit"
	CapabilityLargeMessages  Capability = "large_messages"
	CapabilityMinSDKVersion  Capability = "min_sdk_version"
	CapabilitySampling       Capability = "sampling"
	CapabilityReportInterval Capability = "report_interval"
)

// Capabilities are all of them.
var Capabilities = []Capability{CapabilityPause, CapabilitySendLimit, CapabilityLargeMessages, CapabilityMinSDKVersion, CapabilitySampling, CapabilityReportInterval}

// Pause stops consumption of what is in scope. Nothing stops sending.
type Pause struct{}

// Resume takes its scope out of a wider pause.
type Resume struct{}

// SendLimit bounds how fast each client sends. Who is over it waits; nothing is dropped.
type SendLimit struct {
	MessagesPerSecond float64 `json:"messages_per_second"`
	Shared            bool    `json:"shared,omitempty"`  // the rate is of all clients together, of which each has an equal share
	Clients           int     `json:"clients,omitempty"` // how many share it; kept up to date by who writes the topic
	ColdFactor        float64 `json:"cold_factor"`       // the rate begins at this fraction: 3 is a third
	RampSeconds       float64 `json:"ramp_seconds"`      // and has opened after so long; 0: at once
}

// PerClientMessagesPerSecond is what one client may send, at least MinMessagesPerSecond.
func (l *SendLimit) PerClientMessagesPerSecond() float64 {
	if !l.Shared || l.Clients < 1 {
		return max(l.MessagesPerSecond, MinMessagesPerSecond)
	}
	return max(l.MessagesPerSecond/float64(l.Clients), MinMessagesPerSecond)
}

// PerClientColdFactor is by how much lower one client begins: ColdFactor, and less where that would be below MinMessagesPerSecond.
func (l *SendLimit) PerClientColdFactor() float64 {
	return max(1, min(l.ColdFactor, l.PerClientMessagesPerSecond()/MinMessagesPerSecond))
}

// LargeMessages says what becomes of large messages, by the size of their value. 0: nothing.
type LargeMessages struct {
	FlagBytes     int `json:"flag_bytes,omitempty"`
	CompressBytes int `json:"compress_bytes,omitempty"`
	RefuseBytes   int `json:"refuse_bytes,omitempty"`
}

// MinSDKVersion says which SDK is too old, of one language.
type MinSDKVersion struct {
	Lang    string `json:"lang"`
	Version string `json:"version"`
}

// Sampling says which messages are kept one by one: one in so many, and all that took longer.
type Sampling struct {
	OneIn            int     `json:"one_in,omitempty"`             // 0: as the program has it
	SlowAfterSeconds float64 `json:"slow_after_seconds,omitempty"` // 0: as the program has it
}

// ReportInterval is how often a client reports.
type ReportInterval struct {
	Seconds float64 `json:"seconds"`
}

// Release is how a pause ends: over so many seconds, in which clients come back one after the other. 0: at once.
type Release struct {
	RampSeconds float64 `json:"ramp_seconds"`
}

// Action names what the command asks, as in its JSON; "" where it asks nothing.
func (c *Command) Action() string {
	if named := c.actions(); len(named) > 0 {
		return named[0]
	}
	return ""
}

// Capability is what a client must be able to do for the command.
func (c *Command) Capability() Capability {
	if c.Resume != nil {
		return CapabilityPause
	}
	return Capability(c.Action())
}

// ReleaseSeconds is over how long what a pause held back is released.
func (c *Command) ReleaseSeconds() float64 {
	if c.Release == nil {
		return DefaultReleaseSeconds
	}
	return c.Release.RampSeconds
}

// ActionNames are the names of what a command can ask.
func ActionNames() []string {
	names := []string{"pause", "resume"}
	for _, capability := range Capabilities {
		if !slices.Contains(names, string(capability)) {
			names = append(names, string(capability))
		}
	}
	return names
}

// actions names all that the command asks.
func (c *Command) actions() []string {
	var named []string
	for i, given := range []bool{c.Pause != nil, c.Resume != nil, c.SendLimit != nil, c.LargeMessages != nil, c.MinSDKVersion != nil,
		c.Sampling != nil, c.ReportInterval != nil} {
		if given {
			named = append(named, ActionNames()[i])
		}
	}
	return named
}
