package pipeline

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirmq/weir/telemetry"
)

// checkPanes refuses cells that no pane of the configured length begins with. Of shorter configured panes nothing is seen: cells
// of longer ones begin where those do.
func checkPanes(cells *telemetry.StoredCells, pane time.Duration, name string) error {
	seconds := int64(pane / time.Second)
	for i := range cells.Cells {
		if at := cells.Cells[i].PaneUnix; at%seconds != 0 {
			return fmt.Errorf("%s has cells of panes shorter than telemetry.pane %s, as one that begins at %s; say the pane they were made with",
				name, pane, time.Unix(at, 0).UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// checkRecordedPane refuses another pane than the one that is recorded for the topic that cells are made of, if one is.
func checkRecordedPane(ctx context.Context, config *Config, admin *kadm.Client) error {
	details, err := admin.ListTopics(ctx, telemetry.TopicTelemetry, telemetry.TopicParameters)
	if err != nil {
		return fmt.Errorf("find the recorded parameters: %w", err)
	}
	if !details.Has(telemetry.TopicTelemetry) || !details.Has(telemetry.TopicParameters) {
		return nil
	}
	id := details[telemetry.TopicTelemetry].ID
	recorded, err := recordedParameters(ctx, config, hex.EncodeToString(id[:]))
	if err != nil || recorded == nil {
		return err
	}
	if recorded.Pane != config.Telemetry.Pane {
		return fmt.Errorf("telemetry.pane is %s here but %s was recorded for this %s; say the pane that the cells were made with",
			config.Telemetry.Pane, recorded.Pane, telemetry.TopicTelemetry)
	}
	return nil
}
