package alertmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// postTimeout bounds one post. Not smaller: Alertmanager under load takes seconds for hundreds of alerts; not
	// larger: an instance that hangs is found out by it. Prometheus has the same.
	postTimeout = 10 * time.Second
	// lookTimeout bounds a look at an instance. Not smaller: a busy one answers late; not larger: what changes meanwhile
	// waits for it.
	lookTimeout = 3 * time.Second
	// maxAnswerBytes is read of an answer. Not smaller: a refused batch is answered with a line for each alert; not
	// larger: only the first line is shown.
	maxAnswerBytes = 64 << 10
	// maxShownBytes is shown of an answer. Not smaller: Alertmanager quotes the whole label set; not larger: it is a
	// line in a log.
	maxShownBytes = 500
)

// poster posts to one instance.
type poster struct {
	client  *http.Client
	address address
}

// answerError is an answer other than 2xx.
type answerError struct {
	status string // with its number
	code   int
	line   string // the answer's first
}

func (e *answerError) Error() string {
	text := "got answer " + e.status
	if e.line != "" {
		text += ": " + e.line
	}
	switch {
	case e.code/100 == 3:
		text += "; want no redirect: write the URL it leads to"
	case e.code == http.StatusUnauthorized || e.code == http.StatusForbidden:
		text += "; look whether the URL has the right user:password@"
	case e.code == http.StatusNotFound || e.code == http.StatusMethodNotAllowed:
		text += "; look whether the URL has the right path prefix"
	}
	return text
}

// refuses says that the same alerts would be refused again: some are invalid (400, and 422 where they break the API's
// schema), or there are too many for a proxy in between (413). All else may pass.
func (e *answerError) refuses() bool {
	return e.code == http.StatusBadRequest || e.code == http.StatusUnprocessableEntity || e.code == http.StatusRequestEntityTooLarge
}

// postingClient is the client to post with: a copy, or one of our own, that follows no redirect. Followed, 301 and 302
// turn a post into a GET, whose 200 would count as an acknowledgement.
func postingClient(client *http.Client) *http.Client {
	var out http.Client
	switch transport, ok := http.DefaultTransport.(*http.Transport); {
	case client != nil:
		out = *client
	case ok:
		out.Transport = transport.Clone()
	}
	if out.CheckRedirect == nil {
		out.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return &out
}

// post sends one body. It returns nil once the instance acknowledged it, and an *answerError where it answered
// otherwise. No error has credentials.
func (p *poster) post(ctx context.Context, body []byte) error {
	_, err := p.ask(ctx, postTimeout, http.MethodPost, "alerts", body)
	return err
}

// started asks when the instance began to run, as it writes it; "" where it does not say.
func (p *poster) started(ctx context.Context) (string, error) {
	answer, err := p.ask(ctx, lookTimeout, http.MethodGet, "status", nil)
	if err != nil {
		return "", err
	}
	var status struct {
		Uptime string `json:"uptime"`
	}
	_ = json.Unmarshal(answer, &status) // another kind of server does not say
	return status.Uptime, nil
}

// ask sends a request to a part of the API and reads the answer.
func (p *poster) ask(ctx context.Context, limit time.Duration, method, part string, body []byte) ([]byte, error) {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := http.NewRequestWithContext(bounded, method, p.address.endpoint+part, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("User-Agent", "weir")
	if p.address.user != nil {
		password, _ := p.address.user.Password()
		request.SetBasicAuth(p.address.user.Username(), password)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return nil, unanswered(ctx, bounded, limit, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if response.StatusCode/100 != 2 {
		return nil, &answerError{status: response.Status, code: response.StatusCode, line: firstLine(answer)}
	}
	if err != nil {
		return nil, unanswered(ctx, bounded, limit, err)
	}
	return answer, nil
}

// unanswered says why there is no answer, without the URL that http.Client repeats.
func unanswered(ctx, bounded context.Context, limit time.Duration, err error) error {
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		err = failed.Err
	}
	if bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("got no answer within %s: %w; look whether Alertmanager hangs or a firewall drops packets", limit, err)
	}
	return fmt.Errorf("got no answer: %w; look whether Alertmanager runs and is reachable there", err)
}

// firstLine is the first line of an answer, bounded.
func firstLine(answer []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(answer)), "\n")
	if len(line) > maxShownBytes {
		line = line[:maxShownBytes]
	}
	return strings.ToValidUTF8(strings.TrimSpace(line), "")
}
