// Package remoting asks RocketMQ's brokers and name servers by their own protocol (remoting) how they are: which brokers, topics,
// groups and clients there are, and how far each queue was written and read.
//
// The official client for Go is made to send and to consume: it has none of these questions, or only parts of their answers. Answers
// are read as RocketMQ 5.3 and its clients write them, which is not always JSON, and whatever arrives, memory is bounded by MaxFrame.
package remoting
