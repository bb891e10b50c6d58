package telemetry

import "encoding/binary"

// CellColumns gathers cells for a record of weir.cells. The zero value is empty and
// ready to use; it is used again after Reset.
type CellColumns struct {
	rowColumns
	labels prefixed
}

// Field numbers of telemetry.proto.
const (
	cellLabelsField = 2
	cellSumsField   = 5
	cellListsField  = cellSumsField + listsAfterSums
)

// Len returns how many cells were added.
func (c *CellColumns) Len() int { return c.rows }

// Bytes bounds what AppendTo appends.
func (c *CellColumns) Bytes() int { return columnOverhead + c.rowColumns.size() + c.labels.size() }

// CellBytes bounds what a cell adds to Bytes.
func CellBytes(labels []byte, totals *Totals) int {
	return rowBytes(totals) + len(labels) + 2*binary.MaxVarintLen32
}

// Add adds a cell; labels are encoded. What only groups have in their totals is left out.
func (c *CellColumns) Add(paneUnix int64, labels []byte, totals *Totals) {
	c.labels.add(labels)
	c.rowColumns.add(paneUnix, totals, cellListsField)
}

// AppendTo appends the field of a CellBatch that holds the cells.
func (c *CellColumns) AppendTo(b []byte) []byte {
	if c.rows == 0 {
		return b
	}
	b, begin := message(b, 4)
	b = c.labels.appendTo(c.panes.appendTo(b, 1), cellLabelsField)
	return end(c.rowColumns.appendTo(b, cellSumsField), begin)
}

// Reset forgets the cells and keeps the memory.
func (c *CellColumns) Reset() {
	c.labels.reset()
	c.rowColumns.reset()
}
