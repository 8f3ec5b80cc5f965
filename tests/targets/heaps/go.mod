module heaps

go 1.21
