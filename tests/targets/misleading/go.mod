module misleading

go 1.21

require github.com/zeromicro/go-zero v1.6.0

replace github.com/zeromicro/go-zero => ../gozero
