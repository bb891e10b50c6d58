package applied

import (
	"slices"
	"time"
)

// Add has commands apply to a client. After Lift it does nothing.
func (c *Commands) Add(client *Client) {
	c.mu.Lock()
	if !c.lifted {
		c.clients = append(c.clients, client)
	}
	c.mu.Unlock()
	c.Kick()
}

// Apply has what is known apply to a client when it returns, which Add does soon.
func (c *Commands) Apply(client *Client) {
	c.mu.Lock()
	if slices.Contains(c.clients, client) {
		c.refresh(client, time.Now())
	}
	c.mu.Unlock()
	c.Kick()
}

// Remove has commands no longer apply to a client: all that holds it back is lifted at once.
func (c *Commands) Remove(client *Client) {
	c.mu.Lock()
	c.clients = slices.DeleteFunc(c.clients, func(other *Client) bool { return other == client })
	c.mu.Unlock()
	client.free(time.Now())
}

// Lift has commands apply to no client any more, and reports be as the program says: for when nobody calls Refresh any longer.
func (c *Commands) Lift() {
	c.mu.Lock()
	c.lifted = true
	clients := c.clients
	c.clients = nil
	c.config.Registry.SetInterval(0)
	c.config.Registry.SetSampling(nil)
	c.mu.Unlock()
	for _, client := range clients {
		client.free(time.Now())
	}
}

// Clients are those that commands apply to.
func (c *Commands) Clients() []*Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.clients)
}
