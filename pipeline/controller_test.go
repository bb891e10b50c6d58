package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
)

// controlHouse is a process with the role control, alone on an embedded broker.
type controlHouse struct {
	t      *testing.T
	config Config
	p      *Pipeline
	writer *sender
}

func newControlHouse(t *testing.T, edits ...func(*Config)) *controlHouse {
	t.Helper()
	config := runConfig(t)
	config.Roles = []string{RoleControl}
	config.ClickHouse.DSN = "http://127.0.0.1:1/default" // nobody is there: only history waits
	config.Control.Dir = filepath.Join(t.TempDir(), "control.d")
	config.Control.WritersFile = filepath.Join(t.TempDir(), "writers")
	if err := os.MkdirAll(config.Control.Dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, edit := range edits {
		edit(&config)
	}
	h := &controlHouse{t: t, config: config}
	h.p = run(t, config)
	h.writer = newSender(t, &config, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	await(t, "that this process writes", func() bool {
		return strings.Contains(h.ask(http.MethodGet, controlPath, "reader", "").Body.String(), `"writes":true`)
	})
	return h
}

// file writes a file of commands, at once, as careful editors do; "" removes it.
func (h *controlHouse) file(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.config.Control.Dir, name)
	if text == "" {
		if err := os.Remove(path); err != nil {
			h.t.Fatal(err)
		}
		return
	}
	hidden := filepath.Join(h.config.Control.Dir, "."+name)
	if err := os.WriteFile(hidden, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(hidden, path); err != nil {
		h.t.Fatal(err)
	}
}

// ask asks the HTTP interface, with a token unless it is empty.
func (h *controlHouse) ask(method, path, token, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	recorder := httptest.NewRecorder()
	guard("reader", h.p.Handler(), h.p.mayWriteControl).ServeHTTP(recorder, request)
	return recorder
}

// asked asks, and wants an answer of a code that says something.
func (h *controlHouse) asked(request [4]string, code int, says string) {
	h.t.Helper()
	got := h.ask(request[0], request[1], request[2], request[3])
	if got.Code != code || !strings.Contains(got.Body.String(), says) {
		h.t.Errorf("%s %s answers %d %s, want %d and %q", request[0], request[1], got.Code, got.Body, code, says)
	}
}

// held are the names, revisions and states of commands, and the routes.
func (h *controlHouse) held() string {
	h.t.Helper()
	recorder := h.ask(http.MethodGet, controlPath+"?all=true", "reader", "")
	var state controlState
	if err := json.Unmarshal(recorder.Body.Bytes(), &state); err != nil {
		h.t.Fatalf("%d %s: %v", recorder.Code, recorder.Body, err)
	}
	var out []string
	for i := range state.Commands {
		out = append(out, fmt.Sprintf("%s %s by %s", &state.Commands[i].Command, state.Commands[i].State, state.Commands[i].Author))
	}
	for i := range state.Routes {
		out = append(out, state.Routes[i].String())
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

func (h *controlHouse) awaits(want string) {
	h.t.Helper()
	last := ""
	await(h.t, want, func() bool { last = h.held(); return last == want })
}

// put writes a record as it stands, as anybody may who can write the topic.
func (h *controlHouse) put(key, value string) {
	h.t.Helper()
	h.writer.send(&kgo.Record{Topic: control.Topic, Key: []byte(key), Value: []byte(value)})
}

// writers names who may write, with their tokens.
func (h *controlHouse) writers(names map[string]string) {
	h.t.Helper()
	text := "# name and SHA-256 of the token\n"
	for name, token := range names {
		sum := sha256.Sum256([]byte(token))
		text += name + " " + hex.EncodeToString(sum[:]) + "\n"
	}
	if err := os.WriteFile(h.config.Control.WritersFile, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// pauseFile is a file with a pause of a name and a topic.
func pauseFile(name, topic string) string {
	return fmt.Sprintf("commands:\n  - name: %s\n    scope: {topic: %s}\n    author: li\n    reason: a test\n    expires_at: %s\n    pause: {}\n",
		name, topic, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

// TestControlOfFiles: the topic says what the files do, also what they do not say any more.
func TestControlOfFiles(t *testing.T) {
	t.Parallel()
	h := newControlHouse(t)
	first := pauseFile("a", "orders")
	h.file("a.yaml", first+"routes:\n  - {id: orders.created, system: kafka, cluster: c, endpoints: ['k1:9092'], topic: orders}\n")
	h.awaits("a@1 in force by li; route///orders.created@1")
	h.file("a.yaml", strings.Replace(first, "orders", "payments", 1))
	h.awaits("a@2 in force by li")
	h.file("a.yaml", strings.Replace(first, "scope", "scoop", 1))
	await(t, "a fault", func() bool { return strings.Contains(stageOf(h.p, RoleControl).Error, `did you mean "scope"?`) })
	h.file("b.yaml", pauseFile("b", "media"))
	h.file("a.yaml", first)
	h.awaits("a@3 in force by li; b@1 in force by li")
	if got := stageOf(h.p, RoleControl).Error; got != "" {
		t.Errorf("after the fault was mended: %s", got)
	}
	h.file("a.yaml", "")
	h.awaits("b@1 in force by li")
	h.file("b.yaml", "") // no file is left: the folder may as well not be mounted
	second := h.newest("command/b")
	second.Reason = "of a second writer"
	value, err := second.Encode()
	if err != nil {
		t.Fatal(err)
	}
	h.put("command/b", string(value))
	h.awaits("b@2 in force by li") // it was looked at, and stays
	if got := stageOf(h.p, RoleControl).Error; got != "" {
		t.Errorf("without files: %s", got)
	}
	h.put("command/forged", "{}")
	await(t, "a refusal", func() bool {
		_, body := get(h.p, "/metrics")
		return strings.Contains(body, `weir_control_refused_records_total{reason="invalid"} 1`)
	})
	h.file("readme.yaml", "commands: []\n")
	h.awaits("")
}

// TestControlOfOthers: what somebody writes past the guard rails is not in force; what a replay or a second writer leaves as the newest record is
// written over, since compaction would leave that one.
func TestControlOfOthers(t *testing.T) {
	t.Parallel()
	h := newControlHouse(t)
	h.file("a.yaml", pauseFile("a", "orders"))
	h.awaits("a@1 in force by li")
	var old []byte
	for _, record := range h.records() {
		old = record.Value
	}
	h.file("a.yaml", pauseFile("a", "payments"))
	h.awaits("a@2 in force by li")
	h.put("command/a", string(old)) // a replay
	h.awaits("a@3 in force by li")
	if newest := h.newest("command/a"); newest.Revision != 3 || newest.Scope.Topic != "payments" {
		t.Errorf("compaction would leave %s of %s", &newest, newest.Scope.Topic)
	}
	second := h.newest("command/a")
	second.Author = "somebody else"
	value, err := second.Encode()
	if err != nil {
		t.Fatal(err)
	}
	h.put("command/a", string(value)) // of a second writer, of the same revision
	h.awaits("a@4 in force by li")
	h.put("command/all", strings.Replace(string(value), `"scope":{"topic":"payments"}`, `"scope":{}`, 1))
	h.put("command/b", strings.Replace(string(value), `"name":"a"`, `"name":"b"`, 1)) // which is as good as any
	h.awaits("a@4 in force by li; b@3 in force by somebody else")
}

// TestControlLeavesOutWhatCannotBeWritten: a record that has as many bytes as may be cannot be written again at a higher revision, and nothing else waits for that.
func TestControlLeavesOutWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	h := newControlHouse(t)
	now := time.Now().UTC().Truncate(time.Second)
	full := control.Command{Schema: control.Schema, Name: "full", Revision: 9, Scope: control.Scope{Topic: "orders"}, Author: "li", Reason: "a", CreatedAt: now,
		ExpiresAt: now.Add(time.Hour), Percent: 100, Pause: &control.Pause{}, Source: control.SourceAPI}
	for number := range int32(control.MaxPartitions) {
		full.Scope.Partitions = append(full.Scope.Partitions, 1_000_000_000+number)
	}
	encoded := func() string {
		value, err := full.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return string(value)
	}
	left := control.MaxRecordBytes - len(encoded())
	full.Reason += strings.Repeat("<", left/6) + strings.Repeat("a", left%6) // of which each < has six bytes there
	value := encoded()
	h.put("command/full", value)
	h.awaits("full@9 in force by li")
	h.put("command/full", strings.Replace(value, `"author":"li"`, `"author":"wu"`, 1)) // of a second writer: it would be written over
	await(t, "that it is left out", func() bool {
		_, body := get(h.p, "/metrics")
		return strings.Contains(body, `weir_errors_total{stage="control",kind="encode"}`)
	})
	h.file("b.yaml", pauseFile("b", "media"))
	h.awaits("b@1 in force by li; full@9 in force by li")
	if got := stageOf(h.p, RoleControl).Error; got != "" {
		t.Errorf("the role says %s", got)
	}
}

// records are all of the topic.
func (h *controlHouse) records() []*kgo.Record {
	h.t.Helper()
	records, err := readPartition(h.t.Context(), h.config.Kafka, control.Topic, controlPartition)
	if err != nil {
		h.t.Fatal(err)
	}
	return records
}

// newest is the command of the newest record of a key.
func (h *controlHouse) newest(key string) control.Command {
	h.t.Helper()
	var command control.Command
	for _, record := range h.records() {
		if string(record.Key) == key {
			var err error
			if command, err = control.ParseCommand(record.Value); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	return command
}

// TestControlOverHTTP: nobody writes without a token of his own, whose name is the author; what files keep the API does not change, but it may end it.
func TestControlOverHTTP(t *testing.T) {
	t.Parallel()
	h := newControlHouse(t, func(c *Config) { c.Telemetry = DefaultConfig().Telemetry; c.Telemetry.Partitions = 1 })
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339) // the same for all, so that what is posted again is the same
	body := func(author, name string) string {
		return fmt.Sprintf(`{"commands":[{"name":%q,"scope":{"topic":"orders"},%s"reason":"a test","expires_at":%q,"pause":{}}]}`, name, author, until)
	}
	post := func(token, body string) [4]string { return [4]string{http.MethodPost, controlPath, token, body} }
	end := func(token, name string) [4]string {
		return [4]string{http.MethodDelete, controlPath + "/commands/" + name + "?reason=done", token, ""}
	}
	unset := h.p.config.Control.WritersFile
	h.p.config.Control.WritersFile = ""
	h.asked(post("reader", body("", "a")), http.StatusForbidden, "nobody may write here")
	h.p.config.Control.WritersFile = unset
	h.asked(post("reader", body("", "a")), http.StatusInternalServerError, "read control.writers_file")
	h.writers(map[string]string{"wei": "w-token", "li": "l-token"})
	h.asked(post("", body("", "a")), http.StatusUnauthorized, "http.token")
	h.asked(post("reader", body("", "a")), http.StatusUnauthorized, "control.writers_file")
	h.asked(post("wrong", body("", "a")), http.StatusUnauthorized, "http.token")
	h.asked(end("reader", "a"), http.StatusUnauthorized, "control.writers_file")
	if got := h.held(); got != "" {
		t.Fatalf("somebody without a token wrote %s", got)
	}
	h.asked(post("w-token", body(`"author":"li",`, "a")), http.StatusUnprocessableEntity, `commands[0]: author: got "li", and the token is of "wei"`)
	h.asked(post("w-token", body(`"revision":9,`, "a")), http.StatusUnprocessableEntity, "are filled in")
	h.asked(post("w-token", strings.Replace(body("", "a"), `"topic":"orders"`, "", 1)), http.StatusUnprocessableEntity, "everywhere")
	h.asked(post("w-token", body("", "a")+"{}"), http.StatusUnprocessableEntity, "want {")
	h.asked(post("w-token", strings.TrimSuffix(body("", "a"), "}")+`,"commands":[]}`), http.StatusUnprocessableEntity, "commands is there twice")
	rare := strings.Replace(body("", "seldom"), `"pause":{}`, `"report_interval":{"seconds":20}`, 1)
	h.asked(post("w-token", rare), http.StatusUnprocessableEntity, "report_interval.seconds: got 20, want at most 5: telemetry.lateness is 5s")
	h.asked([4]string{http.MethodPost, controlPath + "?dry_run=true", "w-token", rare}, http.StatusUnprocessableEntity, "got 20, want at most 5")
	h.file("seldom.yaml", seldom(time.Now().Add(time.Hour)))
	await(t, "that the file is refused", func() bool {
		return strings.Contains(h.ask(http.MethodGet, controlPath, "reader", "").Body.String(), "report_interval.seconds: got 20, want at most 5")
	})
	h.file("seldom.yaml", "")
	h.asked(post("w-token", "null"), http.StatusUnprocessableEntity, "want {")
	h.asked(post("w-token", body("", "a")), http.StatusOK, `"change":"new"`)
	h.asked(post("w-token", body("", "a")), http.StatusOK, `"author":"wei"`)
	h.file("b.yaml", pauseFile("a", "payments")+strings.TrimPrefix(pauseFile("b", "media"), "commands:\n"))
	h.awaits("a@1 in force by wei; b@1 in force by li")
	h.asked(post("w-token", body("", "b")), http.StatusConflict, "is kept by files")
	h.asked(end("l-token", "b"), http.StatusOK, `"change":"ended"`)
	h.asked(end("l-token", "b"), http.StatusConflict, "was ended by li")
	h.asked(end("l-token", "c"), http.StatusNotFound, "there is no command")
	h.asked(end("l-token", "a"), http.StatusOK, `"change":"ended"`)
	h.awaits("a@3 in force by li; b@2 ended by li") // the file keeps a now, and b stays ended
	if newest := h.newest("command/b"); newest.Ended == nil || newest.Ended.Author != "li" || newest.Ended.Reason != "done" {
		t.Errorf("b was ended by %+v", newest.Ended)
	}
	expired := limitOfOrders(control.NewSet(), time.Now().Add(-2*time.Hour), func(c *control.Command) { c.Name = "expired" })
	value, err := expired.Command.Encode()
	if err != nil {
		t.Fatal(err)
	}
	h.put("command/expired", string(value))
	h.asked(end("l-token", "expired"), http.StatusConflict, "is over since")
	h.writers(map[string]string{"li": "l-token"})
	h.asked(post("w-token", body("", "c")), http.StatusUnauthorized, "http.token") // taken out, at once
}

// TestFilesAreInForceOnATopicThatIsMadeAnew holds that what files say is written to a topic that was made anew when that is heard of, and not when they are read the next time.
func TestFilesAreInForceOnATopicThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	h := newControlHouse(t)
	h.file("pause.yaml", "commands:\n  - {name: pause-billing, scope: {topic: orders, group: billing}, author: li, reason: a test, expires_at: "+
		time.Now().UTC().Add(time.Hour).Format(time.RFC3339)+", pause: {}}\n")
	h.awaits("pause-billing@1 in force by li")
	admin := kadm.NewClient(h.writer.client)
	if _, err := admin.DeleteTopic(t.Context(), control.Topic); err != nil {
		t.Fatal(err)
	}
	makeTopic(t, admin, control.Topic, 1)
	began := time.Now()
	log, err := openControlLog(h.config.Kafka, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	await(t, "that the new topic says what files do", func() bool {
		if err := log.catchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, found := log.set.Command("pause-billing")
		return found
	})
	t.Logf("it does %s after it was made", time.Since(began).Round(time.Millisecond))
}
