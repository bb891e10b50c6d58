package clickhouse

import (
	"errors"
	"testing"
	"testing/synctest"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// stuck is a connection that does not close before it may.
type stuck struct {
	driver.Conn
	may chan struct{}
}

func (s stuck) Close() error {
	<-s.may
	return errors.New("it was closed late")
}

// TestClosingEnds whatever the driver does, and says whether it was in time.
func TestClosingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := stuck{may: make(chan struct{})}
		if err := NewStore(conn, Config{}).Close(); !errors.Is(err, errStillOpen) {
			t.Errorf("got %v, want %v", err, errStillOpen)
		}
		close(conn.may)
		synctest.Wait()
		if err := NewStore(conn, Config{}).Close(); err == nil || errors.Is(err, errStillOpen) {
			t.Errorf("got %v, want what the connection said", err)
		}
	})
}
