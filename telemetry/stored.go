package telemetry

import "time"

// StoredCells are the cells of whole panes as a store gives them back.
type StoredCells struct {
	From, To time.Time    // of the panes: those that begin at or after From and end by To
	Cells    []StoredCell // by pane
	Labels   []*Labels    // by StoredCell.Series; as many as there are series so far
}

// StoredCell is a cell of the highest version. Its gauges are of one series: Sum and Min
// are Last. Of its events there is one where some said that the client stopped or paused.
type StoredCell struct {
	PaneUnix int64 // start, in Unix seconds
	Series   uint32
	Source   Source
	Segment  Segment
	Totals   Totals
}
