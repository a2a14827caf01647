// A page that was left open says so: what it shows is as old as its last load.
setTimeout(() => { document.getElementById("age").hidden = false; }, 10 * 60 * 1000);
