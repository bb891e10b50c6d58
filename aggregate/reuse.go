package aggregate

// reuse keeps what a closed segment held, emptied, for the next one: in the long run
// a report allocates nothing. It holds as much as the largest segments needed.
type reuse struct {
	retired    []*pane // may still be read by a flush
	cells      []*cell
	groupPanes []*groupPane
	pendings   []*pending
}

// retire takes the panes of a segment that is over.
func (r *reuse) retire(panes map[int64]*pane) {
	r.reclaim()
	for _, p := range panes {
		r.retired = append(r.retired, p)
	}
}

// reclaim empties what is retired.
func (r *reuse) reclaim() {
	if len(r.retired) == 0 {
		return
	}
	for _, p := range r.retired {
		for _, c := range p.cells {
			if c.pending != nil {
				r.givePending(c.pending)
			}
			c.totals.Reset()
			*c = cell{totals: c.totals, groups: c.groups[:0]}
			r.cells = append(r.cells, c)
		}
		for _, g := range p.groups {
			g.totals.Reset()
			g.group.panes = g.group.panes[:0]
			clear(g.clients)
			*g = groupPane{totals: g.totals, clients: g.clients, cells: g.cells[:0]}
			r.groupPanes = append(r.groupPanes, g)
		}
	}
	clear(r.retired)
	r.retired = r.retired[:0]
}

func (r *reuse) takeCell() *cell {
	c, ok := pop(&r.cells)
	if !ok {
		return &cell{}
	}
	return c
}

func (r *reuse) takeGroupPane() *groupPane {
	g, ok := pop(&r.groupPanes)
	if !ok {
		return &groupPane{clients: map[string]struct{}{}}
	}
	return g
}

func (r *reuse) takePending() *pending {
	p, ok := pop(&r.pendings)
	if !ok {
		return &pending{}
	}
	return p
}

func (r *reuse) givePending(p *pending) {
	p.Reset()
	r.pendings = append(r.pendings, p)
}

func pop[T any](stack *[]T) (top T, ok bool) {
	n := len(*stack)
	if n == 0 {
		return top, false
	}
	top = (*stack)[n-1]
	*stack = (*stack)[:n-1]
	return top, true
}
