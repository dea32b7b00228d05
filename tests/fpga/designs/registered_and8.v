module top(input clk, input [7:0] a, output reg y);
  always @(posedge clk) y <= &a;
endmodule
