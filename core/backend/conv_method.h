/* conv_method.h - which code computes the convolutions of the image models. */
#ifndef AFFJORD_BACKEND_CONV_METHOD_H
#define AFFJORD_BACKEND_CONV_METHOD_H

/* oneDNN's but for our own from many channels to few, oneDNN's alone, or plain loops. The double build has plain loops
 * for all. */
typedef enum conv_method { CONV_BEST, CONV_LIBRARY, CONV_PLAIN, CONV_METHODS } conv_method;

#endif
