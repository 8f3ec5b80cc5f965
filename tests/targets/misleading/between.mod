module misleading

go 1.21

require github.com/zeromicro/go-zero v1.6.1-0.20231016092430-8a8e4c3b1c3b

replace github.com/zeromicro/go-zero => ../gozero
