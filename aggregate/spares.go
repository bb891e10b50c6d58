package aggregate

// spares are what a segment before has left empty, for the next one to fill.
type spares[T any] []*T

// take returns one of them, or a new one.
func (s *spares[T]) take() *T {
	n := len(*s)
	if n == 0 {
		return new(T)
	}
	taken := (*s)[n-1]
	*s = (*s)[:n-1]
	return taken
}
