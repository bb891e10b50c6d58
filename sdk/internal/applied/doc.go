// Package applied is what commands do to the clients of one program, of whichever system they are: what is held back,
// how fast is sent, what becomes of large messages. It speaks to no broker.
//
// In: records of weir.control and a local file, the time, what clients send and consume. Out: for each client what is
// held, whether a message may be sent, and what of that is told in reports. It promises that only what the program has
// enabled is applied, that nothing is dropped, and that each command ends when it expires, whatever else is known.
//
// Locks are taken in the order Commands.mu, Client.mu, those of sdk/internal/meter.
package applied
