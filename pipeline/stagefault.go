package pipeline

import (
	"errors"

	"github.com/weirmq/weir/telemetry"
)

// Kinds of errors that end a stage, besides those that it lives with.
const (
	faultRead   = "read"   // from Kafka
	faultWrite  = "write"  // to Kafka, and in the stage clickhouse to the store
	faultCommit = "commit" // offsets
	faultSchema = "schema" // a record of a newer Weir, which waits for the upgrade
	faultOther  = "other"
)

// kafkaFault is an error whose kind is known. It adds no words.
type kafkaFault struct {
	kind string
	err  error
}

func (f *kafkaFault) Error() string { return f.err.Error() }

func (f *kafkaFault) Unwrap() error { return f.err }

// faultKind is under which kind an error that ended a stage is counted.
func faultKind(err error) string {
	var fault *kafkaFault
	switch {
	case errors.As(err, &fault):
		return fault.kind
	case errors.Is(err, telemetry.ErrNewerSchema):
		return faultSchema
	}
	return faultOther
}
