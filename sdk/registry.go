package weir

import "slices"

// register makes sure that hooks are reported. Only hooks of a client are: those that
// kgo.NewClient refused, or that came after Close, nobody would forget.
func (c *Client) register(h *Hooks) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed && !slices.Contains(c.hooks, h) {
		c.hooks = append(c.hooks, h)
	}
}

func (c *Client) snapshot() []*Hooks {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.hooks)
}

// forgetSpent lets go of the hooks of closed clients. Counts that they still hold are
// lost: the telemetry cluster has been away longer than one report can say.
func (c *Client) forgetSpent(nowMillis int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks = slices.DeleteFunc(c.hooks, func(h *Hooks) bool {
		if !h.spent(nowMillis) {
			return false
		}
		c.lost.Add(uint64(h.unreported()))
		return true
	})
}
