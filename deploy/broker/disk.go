package broker

import (
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// diskTeller says how full the disk is that the broker's folder is on, as Apache Kafka does since 3.3 (KIP-827).
type diskTeller struct {
	cluster *kfake.Cluster
	dir     string
}

// tell answers who asks for disks and no partitions. Sizes of partitions it leaves to the broker, which knows those.
func (d *diskTeller) tell(request kmsg.Request) (kmsg.Response, error, bool) {
	d.cluster.KeepControl()
	asked, ok := request.(*kmsg.DescribeLogDirsRequest)
	var disk syscall.Statfs_t
	if !ok || asked.Topics == nil || len(asked.Topics) > 0 || syscall.Statfs(d.dir, &disk) != nil {
		return nil, nil, false
	}
	answer := asked.ResponseKind().(*kmsg.DescribeLogDirsResponse)
	dir := kmsg.NewDescribeLogDirsResponseDir()
	dir.Dir = d.dir
	dir.TotalBytes, dir.UsableBytes = int64(disk.Blocks)*int64(disk.Bsize), int64(disk.Bavail)*int64(disk.Bsize)
	answer.Dirs = append(answer.Dirs, dir)
	return answer, nil, true
}
