package collect

import "sync"

// BrokersAtOnce bounds how many brokers are asked at the same time. Not smaller: a cluster of a hundred brokers, some of them
// hanging, must be polled within seconds; not larger: each answer of a large one is megabytes.
const BrokersAtOnce = 16

// AskEach calls ask with 0 to count-1, so many at the same time as atOnce, and returns when all have returned.
func AskEach(atOnce, count int, ask func(i int)) {
	slots := make(chan struct{}, atOnce)
	var asked sync.WaitGroup
	for i := range count {
		slots <- struct{}{}
		asked.Go(func() {
			defer func() { <-slots }()
			ask(i)
		})
	}
	asked.Wait()
}
