package remoting

import (
	"crypto/hmac"
	"crypto/sha1" // as RocketMQ does
	"encoding/base64"
	"maps"
	"slices"
)

// The fields of a request that say who asks.
const (
	fieldAccessKey = "AccessKey"
	fieldSignature = "Signature"
)

// signed is a request with the fields that prove who asks, as RocketMQ's access control checks them since 4.4 (ACL 1.0) and still does
// in 5.3 (ACL 2.0): the HMAC-SHA1, under the secret key, of the values of all other fields in the order of their names and the body.
func signed(request Request, accessKey, secretKey string) Request {
	fields := make(map[string]string, len(request.Fields)+2)
	maps.Copy(fields, request.Fields)
	fields[fieldAccessKey] = accessKey
	code := hmac.New(sha1.New, []byte(secretKey))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		code.Write([]byte(fields[name]))
	}
	code.Write(request.Body)
	fields[fieldSignature] = base64.StdEncoding.EncodeToString(code.Sum(nil))
	request.Fields = fields
	return request
}
