// Package meter counts what one client of a message queue does, whichever system it is of.
//
// In: a [Message] for each that is sent, received or handled, and what the client says of
// itself. Out: in every interval a report for each topic and direction, and one for the
// client's consumer group. It promises never to block: memory is bounded by topics, and
// nothing that is counted for a message allocates.
//
// What a message of a system is, which of its errors are of which [ErrorClass], and when
// things happen are the business of the packages that measure that system's clients.
package meter
