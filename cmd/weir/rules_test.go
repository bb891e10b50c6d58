package main

import "fmt"

// largeMessageRule fires where a topic carries messages above 10 KiB.
const largeMessageRule = `groups:
  - name: test
    rules:
      - alert: LargeMessage
        by: [cluster, topic]
        where: op == "send"
        window: 3s
        expr: size_max > 10KiB
        labels: {severity: info}
        annotations: {summary: '{{ .topic }} carries {{ .size_max | humanize1024 }}B', action: Send references.}
`

// anotherRule adds a rule to largeMessageRule that fires for every topic with traffic.
func anotherRule(name, expr string) string {
	return largeMessageRule + fmt.Sprintf(`      - alert: %s
        by: [topic]
        window: 3s
        expr: %s
        labels: {severity: info}
        annotations: {summary: 'traffic'}
`, name, expr)
}

const (
	smallBytes = 200
	largeBytes = 20_000
)
