module \bitmill_top.lane0.decode_weight (input [3:0] a, b, output [3:0] y); assign y = a ^ b; endmodule
module \bitmill_top.lane0.align (input [3:0] a, output [3:0] y);
  \bitmill_top.lane0.align.mask mask (.a(a), .y(y));
endmodule
module \bitmill_top.lane0.align.mask (input [3:0] a, output [3:0] y); assign y = {4{a[0]}} & a; endmodule
module \bitmill_top.lane0 (input [3:0] a, b, output [3:0] y);
  wire [3:0] decoded;
  \bitmill_top.lane0.decode_weight decode_weight (.a(a), .b(b), .y(decoded));
  \bitmill_top.lane0.align align (.a(decoded), .y(y));
endmodule
module \bitmill_top.accumulate$2 (input clk, input [3:0] d, output reg [3:0] q);
  always @(posedge clk) q <= d;
endmodule
module top(input clk, input [15:0] a, b, output [3:0] y);
  wire [15:0] lanes;
  wire [3:0] all = (lanes[3:0] ^ lanes[7:4]) ^ (lanes[11:8] ^ lanes[15:12]);
  \bitmill_top.lane0 lane0 (.a(a[3:0]), .b(b[3:0]), .y(lanes[3:0]));
  \bitmill_top.lane0 lane1 (.a(a[7:4]), .b(b[7:4]), .y(lanes[7:4]));
  \bitmill_top.lane0 lane2 (.a(a[11:8]), .b(b[11:8]), .y(lanes[11:8]));
  \bitmill_top.lane0 lane3 (.a(a[15:12]), .b(b[15:12]), .y(lanes[15:12]));
  \bitmill_top.accumulate$2 accumulate (.clk(clk), .d(all), .q(y));
endmodule
