package demo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// scene is a stretch of the story.
type scene struct {
	name  string
	ends  func(context.Context, *theatre) error // waits for the scene's end, or for that of ctx
	begin func(*cast)
}

// lasting is the end of a scene of some length.
func lasting(length time.Duration) func(context.Context, *theatre) error {
	return func(ctx context.Context, _ *theatre) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(length):
			return nil
		}
	}
}

// Lengths of the scenes. Not shorter: windows must fill; not longer: people watch.
const (
	quietLasts    = 12 * time.Second
	troubleLasts  = 20 * time.Second
	recoveryLasts = 12 * time.Second
)

// story is quiet traffic, everything at once, and recovery; and then what can be done about it: a surge that is smoothed, and a pause.
var story = []scene{
	{"quiet traffic", lasting(quietLasts), func(c *cast) {}},
	{"surge on orders, large messages on media, a slow consumer, an outdated client", surge, func(c *cast) {
		c.orders.perSecond.Store(6 * quietOrdersPerSecond)
		c.media.valueBytes.Store(largeValueBytes)
		c.media.tooLargeOneIn.Store(tooLargeOneIn)
		c.slow.handlerMicros.Store(slowHandlerMicros)
		c.outdated.perSecond.Store(quietOtherPerSecond / 4)
	}},
	{"recovery", lasting(recoveryLasts), func(c *cast) {
		c.orders.perSecond.Store(quietOrdersPerSecond)
		c.media.valueBytes.Store(quietValueBytes)
		c.media.tooLargeOneIn.Store(0)
		c.slow.handlerMicros.Store(quietHandlerMicros)
		c.outdated.perSecond.Store(0)
	}},
	{"the same surge, with a limit on orders that warms up", limitedSurge, func(*cast) {}},
	{"media-index is paused, and comes back by a ramp", pausedGroup, func(*cast) {}},
}

// expectedAlerts fire and resolve in every telling of the story.
var expectedAlerts = []string{"TrafficSurge", "LargeMessage", "ConsumeSlow", "ClientOutdated"}

// theatre is where a story is played.
type theatre struct {
	house   *house
	cast    *cast
	screen  *screen
	steered *Steered
}

// play plays the scenes once; troubleBegan is when the second one, of trouble, began. Unless all has to hold, a scene that is late is told of, and cut short.
func (on *theatre) play(ctx context.Context, scenes []scene, allHolds bool) (troubleBegan time.Time, err error) {
	for i, s := range scenes {
		on.screen.scene(s.name)
		s.begin(on.cast)
		if i == 1 {
			troubleBegan = time.Now()
		}
		err := s.ends(ctx, on)
		if errors.Is(err, errLate) && !allHolds {
			on.screen.line(fmt.Sprintf("warning: the scene %q is cut short: %s; the story goes on", s.name, err))
			err = on.house.noCommands() // what it asked comes no more, in the midst of another
		}
		if err != nil {
			return troubleBegan, err
		}
	}
	return troubleBegan, nil
}
