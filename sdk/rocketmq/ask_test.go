package rocketmq

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk"
)

// peer is a name server and a broker in one that answer as a test says: what is outstanding on a real one takes hours, and how many connections it has it does not
// tell. Real ones are asked in package remoting and in package weir.
type peer struct {
	addr string

	mu          sync.Mutex
	connections []net.Conn // that were made
	signed      int        // requests
	topics      map[string]map[int]place
	levels      map[int][2]int64 // offset and end of each delay level
	groups      map[string]bool  // that are known
	committed   []int            // queues, in the order in which groups committed
}

// place is how far a group is in a queue.
type place struct{ start, committed, end int64 }

// frame is a header as it travels.
type frame struct {
	Code      int               `json:"code"`
	Flag      int               `json:"flag"`
	Opaque    int               `json:"opaque"`
	ExtFields map[string]string `json:"extFields"`
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{addr: listener.Addr().String(), topics: map[string]map[int]place{}, levels: map[int][2]int64{}, groups: map[string]bool{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.connections = append(p.connections, connection)
			p.mu.Unlock()
			serving.Go(func() { p.serve(connection) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); p.hangUp(); serving.Wait() })
	return p
}

// hangUp ends all connections: the library keeps those to a name server, also when its client has ended.
func (p *peer) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, connection := range p.connections {
		_ = connection.Close()
	}
}

// serve answers until the connection ends.
func (p *peer) serve(connection net.Conn) {
	defer connection.Close()
	in := bufio.NewReader(connection)
	for {
		var lengths [8]byte
		if _, err := io.ReadFull(in, lengths[:]); err != nil {
			return
		}
		rest := make([]byte, binary.BigEndian.Uint32(lengths[:4])-4)
		if _, err := io.ReadFull(in, rest); err != nil {
			return
		}
		var asked frame
		if err := json.Unmarshal(rest[:binary.BigEndian.Uint32(lengths[4:])&0xffffff], &asked); err != nil {
			return
		}
		answer, body := p.answer(asked)
		answer.Opaque, answer.Flag = asked.Opaque, 1
		head, err := json.Marshal(answer)
		if err != nil {
			return
		}
		out := binary.BigEndian.AppendUint32(nil, uint32(4+len(head)+len(body)))
		out = binary.BigEndian.AppendUint32(out, uint32(len(head)))
		if _, err := connection.Write(append(append(out, head...), body...)); err != nil {
			return
		}
	}
}

// answer is what is said to a question.
func (p *peer) answer(asked frame) (answer frame, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if asked.ExtFields["Signature"] != "" {
		p.signed++
	}
	queues, ok := p.topics[asked.ExtFields["topic"]]
	var number int
	_, _ = fmt.Sscan(asked.ExtFields["queueId"], &number)
	offset := func(of int64) frame { return frame{ExtFields: map[string]string{"offset": fmt.Sprint(of)}} }
	switch at := queues[number]; {
	case asked.Code == 28:
		values := map[string]string{}
		for level, l := range p.levels {
			values[fmt.Sprintf("scheduleMessageOffset_%d", level)] = fmt.Sprintf("%d,%d", l[0], l[1])
		}
		body, _ = json.Marshal(map[string]any{"table": values})
		return frame{}, body
	case asked.Code == codeLeave:
		p.groups[asked.ExtFields["consumerGroup"]] = true
		return frame{}, nil
	case !ok:
		return frame{Code: 17}, nil
	case asked.Code == 105:
		return frame{}, fmt.Appendf(nil, `{"brokerDatas":[{"brokerAddrs":{0:%q},"brokerName":"b"}],"queueDatas":[{"brokerName":"b","readQueueNums":%d}]}`, p.addr, len(queues))
	case asked.Code == codeMaxOffset:
		return offset(at.end), nil
	case asked.Code == codeMinOffset:
		return offset(at.start), nil
	case asked.Code == codeCommitOffset && !p.groups[asked.ExtFields["consumerGroup"]]:
		return frame{Code: 26}, nil
	case asked.Code == codeCommitOffset:
		_, _ = fmt.Sscan(asked.ExtFields["commitOffset"], &at.committed)
		p.committed = append(p.committed, number)
		queues[number] = at
		return frame{}, nil
	case at.committed < 0:
		return frame{Code: 22}, nil
	default:
		return offset(at.committed), nil
	}
}

// open opens a receiver of topic orders for a group.
func (p *peer) open(t *testing.T, access Access) weir.Receiver {
	t.Helper()
	r, err := SystemWith(func(weir.Route) Access { return access }).OpenReceiver(weir.ReceiverConfig{
		Route: weir.Route{System: SystemName, Cluster: "c", Endpoints: []string{p.addr}, Topic: "orders"}, Group: "billing"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// TestCaughtUp holds when a group counts as having handled a topic, by what brokers say of its queues.
func TestCaughtUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		queues map[int]place
		want   bool
	}{
		"all is handled":                           {map[int]place{0: {0, 5, 5}, 1: {2, 7, 7}}, true},
		"one queue is not":                         {map[int]place{0: {0, 5, 5}, 1: {2, 6, 7}}, false},
		"a queue that was never committed is not":  {map[int]place{0: {0, -1, 1}}, false},
		"one that is empty is":                     {map[int]place{0: {0, -1, 0}}, true},
		"what is deleted nobody can handle":        {map[int]place{0: {7, 3, 7}}, true},
		"and what is behind that is to be handled": {map[int]place{0: {6, 3, 7}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			p.topics["orders"] = c.queues
			if got, err := p.open(t, Access{}).CaughtUp(t.Context()); err != nil || got != c.want {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

// TestQuestionsShareAConnection asks often. Each question is signed where there are credentials to sign it with.
func TestQuestionsShareAConnection(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.topics["orders"] = map[int]place{0: {0, 5, 5}, 1: {0, 5, 5}}
	r := p.open(t, Access{Credentials: primitive.Credentials{AccessKey: "weir", SecretKey: "secret"}})
	for range 10 {
		if got, err := r.CaughtUp(t.Context()); err != nil || !got {
			t.Errorf("got %v, %v", got, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if asked := 10 * (1 + 2*2); len(p.connections) != 1 || p.signed != asked {
		t.Errorf("%d connections were made, and %d questions signed: want 1 and %d", len(p.connections), p.signed, asked)
	}
}
