# The training curve of examples/fashion_mnist.lua, default settings: `gnuplot docs/pictures/training.gp` writes training.svg beside it.
set terminal svg size 560,320 font 'sans,12' background 'white'
set output 'docs/pictures/training.svg'
set xlabel 'epoch'
set ylabel 'training loss'
set y2label 'test accuracy, %'
set ytics nomirror
set y2tics
set xtics 1
set key center right
$run << END
1 0.487784 86.54
2 0.319773 87.58
3 0.260545 90.38
4 0.210558 91.22
5 0.168113 92.27
END
plot $run using 1:2 with linespoints pt 7 title 'loss', $run using 1:3 axes x1y2 with linespoints pt 5 title 'accuracy'
