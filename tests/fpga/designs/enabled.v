module top(input clk, rst, en, input [3:0] d, output reg [3:0] q);
  always @(posedge clk) if (rst) q <= 0; else if (en) q <= d;
endmodule
