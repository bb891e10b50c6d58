package kafka

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// toolHeap is the most that one of Kafka's own tools keeps on its heap. Below 64 MB it collects garbage for most of its time; above
// 256 MB it takes memory from what it is run against.
const toolHeap = "-Xmx128m"

// Tool runs one of Kafka's own command-line tools and returns what it prints: mainClass is the class that Kafka's script of the tool
// runs, jarDir the folder that parts.Kafka returns. The error has what the tool says of it.
func Tool(ctx context.Context, jarDir, mainClass string, arguments ...string) (string, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("find java, which Kafka's tools run on: %w; %s", err, javaRemedy)
	}
	tool := exec.CommandContext(ctx, java, append([]string{toolHeap, "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(jarDir, "*"), mainClass}, arguments...)...)
	var printed, said bytes.Buffer
	tool.Stdout, tool.Stderr = &printed, &said
	if err := tool.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", mainClass, err, strings.TrimSpace(said.String()+printed.String()))
	}
	return printed.String(), nil
}
