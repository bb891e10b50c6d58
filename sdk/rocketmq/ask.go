package rocketmq

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/weirmq/weir/sdk"
)

// Codes of RocketMQ's remoting protocol: RequestCode and ResponseCode of its sources.
const (
	codeQueryCommitted = 14
	codeMaxOffset      = 30
	codeMinOffset      = 31
	codeRoute          = 105

	answeredTopicMissing   = 17
	answeredNeverCommitted = 22
)

const (
	// askedAsVersion is a release (5.3.3) that is answered valid JSON.
	askedAsVersion = 479
	// askTimeout bounds a question. Not shorter: a busy broker takes a second; not longer: who asks waits.
	askTimeout = 5 * time.Second
	// maxAnswerBytes bounds an answer. Not smaller: a route of many brokers has some KiB; not larger: it is kept in memory.
	maxAnswerBytes = 4 << 20
)

// errNotAsked says that the cluster is not asked: the library has no way to, and what this package writes itself is
// not signed.
var errNotAsked = errors.New("a cluster that asks for credentials is not asked")

// asker asks a cluster what the library does not tell: it has no question for a group's offsets.
type asker struct {
	names  []string
	topic  string // as brokers know it
	closed bool
}

func newAsker(route *weir.Route, access Access) *asker {
	a := &asker{names: route.Endpoints, topic: route.Topic, closed: !access.Credentials.IsEmpty()}
	if route.Namespace != "" {
		a.topic = route.Namespace + "%" + route.Topic
	}
	return a
}

// header is that of a request or an answer.
type header struct {
	Code      int               `json:"code"`
	Language  string            `json:"language"`
	Version   int               `json:"version"`
	Opaque    int               `json:"opaque"`
	Remark    string            `json:"remark,omitempty"`
	ExtFields map[string]string `json:"extFields"`
}

// ask asks once, on a connection of its own.
func ask(ctx context.Context, addr string, code int, fields map[string]string) (*header, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	text, err := json.Marshal(header{Code: code, Language: "JAVA", Version: askedAsVersion, Opaque: 1, ExtFields: fields})
	if err != nil {
		return nil, nil, err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(text)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(text)))
	if _, err := conn.Write(append(frame, text...)); err != nil {
		return nil, nil, err
	}
	var lengths [8]byte
	if _, err := io.ReadFull(conn, lengths[:]); err != nil {
		return nil, nil, err
	}
	total, head := int(binary.BigEndian.Uint32(lengths[:4])), int(binary.BigEndian.Uint32(lengths[4:])&0xffffff)
	if total > maxAnswerBytes || head+4 > total {
		return nil, nil, fmt.Errorf("%s answers with %d bytes, of which %d are the header: at most %d are allowed", addr, total, head, maxAnswerBytes)
	}
	answer := make([]byte, total-4)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return nil, nil, err
	}
	var out header
	if err := json.Unmarshal(answer[:head], &out); err != nil {
		return nil, nil, fmt.Errorf("%s answers with a header that is no JSON: %w", addr, err)
	}
	return &out, answer[head:], nil
}

// master is a broker that has queues of the topic.
type master struct {
	addr   string
	queues int
}

// masters are the brokers that have the topic, as the first name server that answers knows them.
func (a *asker) masters(ctx context.Context) ([]master, error) {
	if a.closed {
		return nil, errNotAsked
	}
	var errs []error
	for _, name := range a.names {
		answer, body, err := ask(ctx, name, codeRoute, map[string]string{"topic": a.topic})
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("ask name server %s: %w", name, err))
		case answer.Code == answeredTopicMissing:
			return nil, fmt.Errorf("ask name server %s: it knows no topic %s; create it", name, a.topic)
		case answer.Code != 0:
			errs = append(errs, fmt.Errorf("ask name server %s: it answers %d: %s", name, answer.Code, answer.Remark))
		default:
			return parseMasters(body)
		}
	}
	return nil, errors.Join(errs...)
}

func parseMasters(body []byte) ([]master, error) {
	var route struct {
		BrokerDatas []struct {
			BrokerName  string            `json:"brokerName"`
			BrokerAddrs map[string]string `json:"brokerAddrs"`
		} `json:"brokerDatas"`
		QueueDatas []struct {
			BrokerName    string `json:"brokerName"`
			ReadQueueNums int    `json:"readQueueNums"`
		} `json:"queueDatas"`
	}
	if err := json.Unmarshal(body, &route); err != nil {
		return nil, fmt.Errorf("read a route: %w", err)
	}
	addrs := map[string]string{}
	for _, b := range route.BrokerDatas {
		addrs[b.BrokerName] = b.BrokerAddrs["0"]
	}
	var out []master
	for _, q := range route.QueueDatas {
		if addrs[q.BrokerName] == "" {
			return nil, fmt.Errorf("read a route: broker %s has no master", q.BrokerName)
		}
		out = append(out, master{addrs[q.BrokerName], q.ReadQueueNums})
	}
	return out, nil
}

// offset asks a broker for an offset of a queue; -1 where the group has committed none.
func (a *asker) offset(ctx context.Context, broker string, code int, fields map[string]string) (int64, error) {
	answer, _, err := ask(ctx, broker, code, fields)
	switch {
	case err != nil:
		return 0, fmt.Errorf("ask broker %s: %w", broker, err)
	case answer.Code == answeredNeverCommitted:
		return -1, nil
	case answer.Code != 0:
		return 0, fmt.Errorf("ask broker %s: it answers %d: %s", broker, answer.Code, answer.Remark)
	}
	offset, err := strconv.ParseInt(answer.ExtFields["offset"], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("ask broker %s: its offset: %w", broker, err)
	}
	return offset, nil
}

// caughtUp says whether a group has handled all that is in the topic, as far as brokers know by now: members tell them every few seconds.
func (a *asker) caughtUp(ctx context.Context, group string) (bool, error) {
	masters, err := a.masters(ctx)
	if err != nil {
		return false, err
	}
	for _, m := range masters {
		for queue := range m.queues {
			fields := map[string]string{"topic": a.topic, "queueId": strconv.Itoa(queue)}
			end, err := a.offset(ctx, m.addr, codeMaxOffset, fields)
			if err != nil {
				return false, err
			}
			start, err := a.offset(ctx, m.addr, codeMinOffset, fields)
			if err != nil {
				return false, err
			}
			fields["consumerGroup"], fields["setZeroIfNotFound"] = group, "false"
			committed, err := a.offset(ctx, m.addr, codeQueryCommitted, fields)
			if err != nil {
				return false, err
			}
			if max(start, committed) < end {
				return false, nil
			}
		}
	}
	return true, nil
}
