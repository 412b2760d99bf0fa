/** Name of the cloud of clusters that another service made; Wadi looks after their machines and never makes or removes any. */
export const adoptedCloud = 'adopted';
