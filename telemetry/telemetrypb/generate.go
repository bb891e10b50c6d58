// Package telemetrypb is the generated Go form of telemetry.proto.
package telemetrypb

//go:generate go run ../internal/protogen ../telemetry.proto .
