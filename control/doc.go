// Package control holds what travels from people to clients: commands (pause, send limit, sampling and more, each with a scope, an author,
// a reason and an expiry) and routes (where a resource is), as JSON records of the compacted topic weir.control.
//
// In: records, with their offsets and the time of whoever asks. Out: what is in force, for one client or for what it touches. It does no I/O and
// starts nothing. Two sides share it: who writes the topic, and the SDK that applies what it reads.
//
// It promises that nothing which breaks a guard rail is ever in force, whoever wrote it: a command without an expiry, one for all that does not say so, a
// rate that stops a sender, one on Weir's own topics and groups, one that cannot be read as a whole.
package control
