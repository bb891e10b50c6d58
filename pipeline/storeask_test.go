package pipeline

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestQuestionsToTheStoreEnd: each has so long, so that one that hangs gives its turn to another; who waits in vain is told.
func TestQuestionsToTheStoreEnd(t *testing.T) {
	t.Parallel()
	p, err := New(runConfig(t), testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	p.answerFromStore(answer, httptest.NewRequest(http.MethodGet, "/", nil), func(ctx context.Context, at storeAddress) (any, error) {
		if ends, bounded := ctx.Deadline(); !bounded || time.Until(ends) > storeAskPatience || at.DSN != p.config.ClickHouse.DSN {
			t.Errorf("%s is asked until %s", at.DSN, ends)
		}
		return "there", nil
	})
	if answer.Code != http.StatusOK || answer.Body.String() != "\"there\"\n" {
		t.Errorf("it answers %d %s", answer.Code, answer.Body)
	}
	for range maxStoreTurns {
		p.storeTurns <- struct{}{}
	}
	for _, path := range []string{"/api/v1/find?id=orders/3/1041", controlPath + "/history"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		answer := httptest.NewRecorder()
		p.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
		cancel()
		if answer.Code != http.StatusServiceUnavailable || !strings.Contains(answer.Body.String(), "wait for others who ask the store: ") {
			t.Errorf("%s answers %d %s", path, answer.Code, answer.Body)
		}
	}
}
