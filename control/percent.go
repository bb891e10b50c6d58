package control

import "hash/fnv"

// picks says whether a client is among a command's percent. It is a hash of the client and the command's name, so that another command picks others, and a higher
// percent only adds clients. A client without a name is picked by 100% alone.
//
// The hash is 64-bit FNV-1a of the client, a byte 0 and the name, then the finalizer of MurmurHash3 (fmix64), since the low bits of FNV of similar
// names are similar; its remainder by a million is compared with percent times ten thousand.
func (c *Command) picks(client string) bool {
	if c.Percent >= 100 {
		return true
	}
	if client == "" {
		return false
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(client)) // never fails
	_, _ = hash.Write([]byte{0})
	_, _ = hash.Write([]byte(c.Name))
	return float64(fmix64(hash.Sum64())%1_000_000) < c.Percent*10_000
}

// fmix64 is the finalizer of MurmurHash3 (Austin Appleby, public domain).
func fmix64(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
