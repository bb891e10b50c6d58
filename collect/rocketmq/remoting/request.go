package remoting

// Request is a question as the protocol has it, for what this package has no call of its own for.
type Request struct {
	Code   int32 // what is asked; at most 32767 where Config.BinaryHeaders is set
	Fields map[string]string
	Body   []byte
}
