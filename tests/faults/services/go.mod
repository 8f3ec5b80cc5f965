module shop.example/faults

go 1.24

require third.example/kv v1.4.0
