package demo

import (
	"context"
	"time"
)

// scene is a stretch of the story.
type scene struct {
	name  string
	lasts time.Duration
	begin func(*cast)
}

// Lengths of the scenes. Not shorter: windows must fill; not longer: people watch.
const (
	quietLasts    = 12 * time.Second
	troubleLasts  = 20 * time.Second
	recoveryLasts = 12 * time.Second
)

// story is quiet traffic, everything at once, and recovery.
var story = []scene{
	{"quiet traffic", quietLasts, func(c *cast) {}},
	{"surge on orders, large messages on media, a slow consumer, an outdated client", troubleLasts, func(c *cast) {
		c.orders.perSecond.Store(6 * quietOrdersPerSecond)
		c.media.valueBytes.Store(largeValueBytes)
		c.slow.handlerMicros.Store(slowHandlerMicros)
		c.outdated.perSecond.Store(quietOtherPerSecond / 4)
	}},
	{"recovery", recoveryLasts, func(c *cast) {
		c.orders.perSecond.Store(quietOrdersPerSecond)
		c.media.valueBytes.Store(quietValueBytes)
		c.slow.handlerMicros.Store(quietHandlerMicros)
		c.outdated.perSecond.Store(0)
	}},
}

// expectedAlerts fire and resolve in every telling of the story.
var expectedAlerts = []string{"TrafficSurge", "LargeMessage", "ConsumeSlow", "ClientOutdated"}

// play plays the story once; troubleBegan is when the scene of trouble began.
func play(ctx context.Context, c *cast, tell func(scene string)) (troubleBegan time.Time, err error) {
	for i, s := range story {
		tell(s.name)
		s.begin(c)
		if i == 1 {
			troubleBegan = time.Now()
		}
		select {
		case <-ctx.Done():
			return troubleBegan, ctx.Err()
		case <-time.After(s.lasts):
		}
	}
	return troubleBegan, nil
}
