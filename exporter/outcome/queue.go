package outcome

import "container/heap"

// none is the index of no slot.
const none = ^uint32(0)

// slot holds what is known about one id, and its place in the list of its bucket. Slots are linked by index instead of
// pointer: they hold no pointers at all, so the garbage collector does not look at millions of them.
type slot struct {
	id uint64
	// time, version, predicted and score are the prediction's; they mean nothing while hasPrediction is false.
	time      int64
	predicted Value
	score     float64
	// label is the label that holds, and labelTime when it first came; they mean nothing while hasLabel is false.
	label     Value
	labelTime int64
	// newest is the newest time of all labels of the id, repeats included. What is older is outdated.
	newest int64

	bucket        int64
	prev, next    uint32
	version       uint16
	hasPrediction bool
	hasLabel      bool
}

// bucket is the list of slots whose times round down to the same multiple of the queue's width. It is never empty.
type bucket struct {
	number      int64
	first, last uint32
	// index is the bucket's place in the heap.
	index int
}

// queue keeps slots in the order of their event time, to the precision of its width: a heap of buckets, in each of
// which the slots are in the order in which they came. Times may come in any order. Adding and removing a slot
// takes constant time except where that makes or empties a bucket, and memory is bounded by the number of slots in it.
type queue struct {
	width   int64
	slots   []slot
	free    uint32 // the first of the free slots, which are linked by next
	buckets map[int64]*bucket
	heap    bucketHeap
}

func newQueue(width int64) queue {
	return queue{width: width, free: none, buckets: make(map[int64]*bucket)}
}

// add puts a slot into the bucket of time, behind the others, and returns its index.
func (q *queue) add(s slot, time int64) uint32 {
	i := q.free
	if i == none {
		i = uint32(len(q.slots))
		q.slots = append(q.slots, s)
	} else {
		q.free = q.slots[i].next
		q.slots[i] = s
	}
	q.link(i, time)
	return i
}

// move puts a slot into another bucket, or to the end of its own.
func (q *queue) move(i uint32, time int64) {
	q.unlink(i)
	q.link(i, time)
}

// remove frees a slot.
func (q *queue) remove(i uint32) {
	q.unlink(i)
	q.slots[i] = slot{next: q.free}
	q.free = i
}

// oldest returns the first slot of the oldest bucket and the number of that bucket. The queue must not be empty.
func (q *queue) oldest() (i uint32, number int64) {
	b := q.heap[0]
	return b.first, b.number
}

func (q *queue) link(i uint32, time int64) {
	s := &q.slots[i]
	s.bucket, s.prev, s.next = floorDivide(time, q.width), none, none
	b := q.buckets[s.bucket]
	if b == nil {
		b = &bucket{number: s.bucket, first: i, last: i}
		q.buckets[s.bucket] = b
		heap.Push(&q.heap, b)
		return
	}
	s.prev = b.last
	q.slots[b.last].next = i
	b.last = i
}

func (q *queue) unlink(i uint32) {
	s := &q.slots[i]
	b := q.buckets[s.bucket]
	if s.prev == none {
		b.first = s.next
	} else {
		q.slots[s.prev].next = s.next
	}
	if s.next == none {
		b.last = s.prev
	} else {
		q.slots[s.next].prev = s.prev
	}
	if b.first == none {
		delete(q.buckets, b.number)
		heap.Remove(&q.heap, b.index)
	}
}

// bucketHeap is a heap.Interface with the oldest bucket on top.
type bucketHeap []*bucket

func (h bucketHeap) Len() int           { return len(h) }
func (h bucketHeap) Less(i, j int) bool { return h[i].number < h[j].number }

func (h bucketHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push appends a bucket for package heap.
func (h *bucketHeap) Push(x any) {
	b := x.(*bucket)
	b.index = len(*h)
	*h = append(*h, b)
}

// Pop takes the last bucket off for package heap.
func (h *bucketHeap) Pop() any {
	last := len(*h) - 1
	b := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return b
}

// floorDivide returns a/b rounded down, also for times before 1970. b must be positive.
func floorDivide(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
