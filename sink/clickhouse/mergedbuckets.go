package clickhouse

import (
	"errors"
	"fmt"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// bucketMerge is an expression that adds up the counts of a histogram's buckets over the rows of a group. All answer the same, with
// indexes in order; they differ in what they cost, which is most of what adding up does. with are expressions that the two others name.
type bucketMerge func(histogram string) (with []string, indexes, counts string)

// mergeByKey looks up each bucket by its value of any type. It is right for any counts, and takes three times as long as others.
func mergeByKey(histogram string) (with []string, indexes, counts string) {
	merged := fmt.Sprintf("sumMap(`%[1]s.i`, `%[1]s.c`)", histogram)
	return nil, merged + ".1", merged + ".2"
}

// mergeByMap has a state for each bucket of a group: for groups of many rows, which share these.
func mergeByMap(histogram string) (with []string, indexes, counts string) {
	with = []string{fmt.Sprintf("sumMap(mapFromArrays(`%[1]s.i`, `%[1]s.c`)) AS %[1]s_merged", histogram)}
	return with, fmt.Sprintf("mapKeys(%s_merged)", histogram), fmt.Sprintf("mapValues(%s_merged)", histogram)
}

// packedCountBits is how many bits of a number mergeSorted has a count in; the other 16 are the index.
const packedCountBits = 48

// mergeSorted sorts the buckets of a group's rows, and takes sums where the index changes: for many groups of few rows. It fails where a
// row has a count that is too large for it.
func mergeSorted(histogram string) (with []string, indexes, counts string) {
	return []string{
		fmt.Sprintf("arraySort(groupArrayArray(arrayMap((i, c) -> bitShiftLeft(toInt64(i), %[2]d) + c + throwIf(c >= %[3]d), `%[1]s.i`, `%[1]s.c`))) AS %[1]s_sorted",
			histogram, packedCountBits, int64(1)<<packedCountBits),
		fmt.Sprintf("arrayMap(packed -> toInt16(bitShiftRight(packed, %[2]d)), %[1]s_sorted) AS %[1]s_indexes", histogram, packedCountBits),
		fmt.Sprintf("arrayMap((i, following) -> i != following, %[1]s_indexes, arrayShiftLeft(%[1]s_indexes, 1, bitNot(%[1]s_indexes[-1]))) AS %[1]s_last", histogram),
		fmt.Sprintf("arrayFilter((sum, last) -> last, arrayCumSum(arrayMap(packed -> bitAnd(packed, %[2]d), %[1]s_sorted)), %[1]s_last) AS %[1]s_sums",
			histogram, int64(1)<<packedCountBits-1),
	}, fmt.Sprintf("arrayFilter((i, last) -> last, %[1]s_indexes, %[1]s_last)", histogram), fmt.Sprintf("arrayPopFront(arrayDifference(arrayPushFront(%s_sums, 0)))", histogram)
}

// tooLargeForSorted says that mergeSorted failed because of a count.
func tooLargeForSorted(err error) bool {
	const throwIfCode = 395 // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
	var failed *driver.Exception
	return errors.As(err, &failed) && failed.Code == throwIfCode
}
