// Package telemetry holds the values that travel through Weir: reports, labels,
// histograms, totals, cells, group partials, watermarks and alerts, with the one
// definition of how each merges and the wire contract in telemetry.proto.
//
// Counters and histograms add up and need an identity so that nothing is added
// twice: a cell is named by (pane, series, source, segment) and the version with
// the most reports wins. Gauges and distincts are joins: merging one twice changes
// nothing.
package telemetry
