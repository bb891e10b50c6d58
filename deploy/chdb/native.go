package chdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

const (
	formatNative = "Native"
	// frameBytes is how much of an answer one compressed frame holds. Below 64 KiB LZ4 finds little to repeat; above
	// 128 MiB clients refuse a frame.
	frameBytes = 1 << 20
)

// reencode turns Native blocks as the engine writes them (revision 0) into those of the revision a client asked for.
func reencode(answer []byte, revision uint64) ([]byte, error) {
	reader := chproto.NewReader(bytes.NewReader(answer))
	var out chproto.Buffer
	for {
		block := proto.Block{ServerContext: &column.ServerContext{Timezone: time.UTC}}
		err := block.Decode(reader, 0)
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && len(block.Columns) == 0 {
			return out.Buf, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decode the engine's block: %w", err)
		}
		if err := encode(&out, &block, revision); err != nil {
			return nil, fmt.Errorf("encode a block at revision %d: %w", revision, err)
		}
	}
}

// encode appends the block. One without rows has no column state, which Block.Encode would write for some types.
func encode(out *chproto.Buffer, block *proto.Block, revision uint64) error {
	if block.Rows() > 0 {
		return block.Encode(out, revision)
	}
	if err := block.EncodeHeader(out, revision); err != nil {
		return err
	}
	for _, c := range block.Columns {
		out.PutString(c.Name())
		out.PutString(string(c.Type()))
		if revision >= proto.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION {
			out.PutBool(false)
		}
	}
	return nil
}

// shrink frames data as ClickHouse compresses it, with LZ4.
func shrink(data []byte) ([]byte, error) {
	writer := compress.NewWriter(compress.LevelZero, compress.LZ4)
	var out []byte
	for len(data) > 0 {
		size := min(len(data), frameBytes)
		if err := writer.Compress(data[:size]); err != nil {
			return nil, fmt.Errorf("compress an answer: %w", err)
		}
		out = append(out, writer.Data...)
		data = data[size:]
	}
	return out, nil
}

// expand reads frames as ClickHouse compresses them, with any of its methods.
func expand(r io.Reader) io.Reader { return &frames{compress.NewReader(r)} }

// frames ends with a plain io.EOF where its source ended between two frames.
type frames struct{ source io.Reader }

func (f *frames) Read(p []byte) (int, error) {
	n, err := f.source.Read(p)
	if err != nil && errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return n, io.EOF
	}
	return n, err
}
